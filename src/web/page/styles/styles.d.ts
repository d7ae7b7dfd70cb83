/** The bundler takes style sheets; the compiler has nothing to say about them. */
declare module '*.css';
