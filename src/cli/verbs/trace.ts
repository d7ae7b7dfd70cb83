/** `replyd trace ID`: one mail's way from the door to its deliveries. */
import type { Command } from 'commander';
import { withStore } from '../context.js';
import { timeText } from '../terminal/render.js';
import { columns, print, printJson, styled } from '../terminal/terminal.js';
import { oneLine, pad, wrap } from '../terminal/text.js';
import { jsonOption, makeVerb } from '../verb.js';

const TIME_COLUMNS = 18;
const STEP_COLUMNS = 11;

export function defineTrace(verb: Command): void {
  makeVerb(verb.argument('<id>'), {
    does: "show a mail's way, from the door to its deliveries",
    examples: ['trace mail_04x0g2k9c7d', 'trace msg_04x0g2k9c7d', 'trace dlv_04x0g2k9c7d --json'],
    more: 'ID is a mail, a message or a delivery. What retention cleared away is missing.',
  })
    .addOption(jsonOption())
    .action(async (id: string, options: { json?: true }, command: Command) => {
      const steps = await withStore(command, ({ store }) => store.trace(id));
      if (options.json) {
        for (const step of steps) printJson(step);
        return;
      }
      const indent = TIME_COLUMNS + STEP_COLUMNS;
      for (const { at, step, id: about, text } of steps) {
        const lines = wrap(oneLine(`${about}  ${text}`), columns() - indent);
        const time = styled(pad(at === null ? '' : timeText(at), TIME_COLUMNS), 'dim');
        print(`${time}${pad(step, STEP_COLUMNS)}${lines[0] ?? ''}`);
        for (const line of lines.slice(1)) print(' '.repeat(indent) + line);
      }
    });
}
