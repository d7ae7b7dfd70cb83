/** How far a long work is, for whoever waits for it. */
export interface Step {
  /** In words, such as `copying message`. */
  readonly doing: string;
  readonly done: number;
  /** Null: nobody knows. */
  readonly total: number | null;
}

/** Called as often as it is convenient; whoever hears it shows as much of it as he likes. */
export type Tell = (step: Step) => void;

export const TELL_NOBODY: Tell = () => {};

/** The same with a word in front of what is done. */
export function doing(verb: string, tell: Tell): Tell {
  return step => tell({ ...step, doing: `${verb} ${step.doing}` });
}
