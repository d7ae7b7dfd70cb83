/** The beat by which connections and clocks are looked at; tests give one of their own. */

/** Calls `look` about once a second until the returned function is called. */
export type EverySecond = (look: () => void) => () => void;

/** By a timer that keeps no process running. */
export const everySecond: EverySecond = look => {
  const timer = setInterval(look, 1_000);
  timer.unref();
  return () => clearInterval(timer);
};
