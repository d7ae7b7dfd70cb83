/** Why a message was read as it was, for whoever wonders: the evidence, the verdicts on its sender, and the mail itself. */
import type { Message } from '../../../conversation/model.js';
import { words } from '../state/preferences.js';

export function Reasons({ message }: { readonly message: Message }) {
  const w = words.value;
  const { sender, evidence } = message;
  if (message.mail_id === null && evidence.length === 0 && sender === null) return null;
  const verdicts = (['dmarc', 'dkim', 'spf'] as const).flatMap(name => {
    const verdict = sender?.[name];
    return verdict ? [`${name.toUpperCase()}: ${verdict}`] : [];
  });
  const lines = [...evidence, ...(sender?.evidence ?? [])];
  return (
    <details class="fold reasons">
      <summary>{w.whyReadSo}</summary>
      <dl>
        <dt>{w.kind}</dt>
        <dd>{w.kinds[message.kind]}</dd>
        {message.author.email && (
          <>
            <dt>{w.writer}</dt>
            <dd dir="auto">{message.author.email}</dd>
          </>
        )}
        {sender?.token_of && (
          <>
            <dt>{w.tokenOf}</dt>
            <dd dir="auto">{sender.token_of}</dd>
          </>
        )}
        {sender?.forwarded_by && (
          <>
            <dt>{w.forwardedBy}</dt>
            <dd dir="auto">{sender.forwarded_by.name || sender.forwarded_by.email}</dd>
          </>
        )}
        {verdicts.length > 0 && (
          <>
            <dt>{w.verdicts}</dt>
            <dd>{verdicts.join(', ')}</dd>
          </>
        )}
        {lines.length > 0 && (
          <>
            <dt>{w.evidence}</dt>
            <dd>
              <ul>
                {lines.map((line, at) => (
                  <li key={`${at} ${line}`} dir="auto">
                    {line}
                  </li>
                ))}
              </ul>
            </dd>
          </>
        )}
      </dl>
      {message.mail_id !== null && (
        <a href={`/v1/messages/${message.id}/raw`} download={`${message.id}.eml`}>
          {w.downloadRaw}
        </a>
      )}
    </details>
  );
}
