/** An answer or note on its way: its body, its files, and one key for however often the same thing is sent. */
import type { Message } from '../../../conversation/model.js';
import { ask } from '../api.js';
import type { Draft } from '../state/drafts.js';

export interface Outgoing {
  readonly conversation: string;
  readonly draft: Draft;
  readonly files: readonly File[];
  readonly idempotencyKey: string;
  readonly onProgress: (part: number) => void;
}

export async function send({ conversation, draft, files, idempotencyKey, onProgress }: Outgoing): Promise<Message> {
  const cc = addressesIn(draft.cc);
  const attachments = await Promise.all(files.map(encoded));
  const isNote = draft.kind === 'note';
  const body = {
    direction: isNote ? 'note' : 'outgoing',
    markdown: draft.text.trim(),
    ...(attachments.length === 0 ? {} : { attachments }),
    ...(isNote ? {} : { mail: draft.now ? 'now' : 'auto' }),
    ...(isNote || cc.length === 0 ? {} : { cc: cc.map(email => ({ email })) }),
    ...(isNote || draft.afterSeq === null ? {} : { after_seq: draft.afterSeq }),
  };
  return ask<Message>('POST', `/v1/conversations/${conversation}/messages`, {
    body,
    idempotencyKey,
    ...(attachments.length === 0 ? {} : { onProgress }),
  });
}

export function addressesIn(text: string): readonly string[] {
  return text.split(/[\s,;]+/).filter(word => word !== '');
}

function encoded(file: File): Promise<{ filename: string; content_type: string; content: string }> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onerror = () => reject(reader.error);
    reader.onload = () => {
      const url = reader.result as string;
      const content_type = file.type.length >= 3 ? file.type : 'application/octet-stream';
      resolve({ filename: file.name.slice(0, 255), content_type, content: url.slice(url.indexOf(',') + 1) });
    };
    reader.readAsDataURL(file);
  });
}
