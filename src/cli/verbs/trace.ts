/** `replyd trace ID`: one mail's way from the door to its deliveries. */
import type { Command } from 'commander';
import type { TraceStep } from '../../conversation/trace-step.js';
import { timeText } from '../terminal/render.js';
import { columns, styled } from '../terminal/terminal.js';
import { oneLine, pad, wrap } from '../terminal/text.js';
import { defineStoreVerb } from '../verb.js';

const STEP_COLUMNS = 11;
/** A time within the words of a step. */
const TIME = /\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g;

export function defineTrace(verb: Command): void {
  defineStoreVerb(verb.argument('<id>'), {
    does: "show a mail's way, from the door to its deliveries",
    examples: ['trace mail_04x0g2k9c7d', 'trace msg_04x0g2k9c7d', 'trace dlv_04x0g2k9c7d --json'],
    more: 'ID is a mail, a message or a delivery. What retention cleared away is missing.',
    run: ({ store }, id) => store.trace(id),
    view(steps) {
      const times = steps.map(({ at }) => (at === null ? '' : timeText(at)));
      const room = Math.max(...times.map(time => time.length)) + 2;
      return steps.flatMap((step, at) => stepLines(step, pad(times[at]!, room))).join('\n');
    },
  });
}

function stepLines({ step, id, text }: TraceStep, time: string): string[] {
  const indent = time.length + STEP_COLUMNS;
  const words = text.replaceAll(TIME, timeText);
  const [first = '', ...more] = wrap(oneLine(`${id}  ${words}`), columns() - indent);
  return [`${styled(time, 'dim')}${pad(step, STEP_COLUMNS)}${first}`, ...more.map(line => ' '.repeat(indent) + line)];
}
