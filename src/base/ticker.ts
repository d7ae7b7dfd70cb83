/** A ticker: it calls about once a second what checks time-outs and clocks. Tests give one of their own. */

/** Calls `check` about once a second until the returned function is called. */
export type EverySecond = (check: () => void) => () => void;

/** By a timer that keeps no process running. */
export const everySecond: EverySecond = check => {
  const timer = setInterval(check, 1_000);
  timer.unref();
  return () => clearInterval(timer);
};
