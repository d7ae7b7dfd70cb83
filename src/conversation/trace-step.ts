/** One step of a mail's way from the door to its deliveries, as the rows tell it. */
export interface TraceStep {
  /** ISO 8601; null: not known, or not yet. */
  readonly at: string | null;
  readonly step:
    | 'received'
    | 'answered'
    | 'filed'
    | 'event'
    | 'queued'
    | 'composed'
    | 'pending'
    | 'settled'
    | 'reported';
  /** What the step is about: a mail, message, event or delivery. */
  readonly id: string;
  readonly text: string;
}
