/** What a configuration says to the store, for tests. */
export const RULES = {
  prefixes: ['reply'],
  separator: '+',
  delay: 120_000,
  maxSize: 1_000_000,
  responseBytes: 8_388_608,
};

/** How long a store on PostgreSQL waits in tests that ask nothing about it, milliseconds: a busy machine may be slow. */
export const PATIENT = 60_000;
