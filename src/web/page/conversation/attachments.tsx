/** Files of a message: pictures that a browser draws safely are shown, everything is a download. */
import type { Attachment } from '../../../conversation/model.js';
import { sizeOf } from '../dates.js';
import { Icon } from '../parts/icon.js';
import { words } from '../state/preferences.js';

/** Nothing that could hold a script. */
const PICTURES = /^image\/(?:png|jpe?g|gif|webp|avif)$/i;
const MAX_PICTURE = 10_000_000;

export function Attachments({ attachments }: { readonly attachments: readonly Attachment[] }) {
  const w = words.value;
  // The logo in every signature is shown once.
  const fresh = attachments.filter(each => !(each.inline && each.seen_before));
  if (fresh.length === 0) return null;
  return (
    <ul class="files" aria-label={w.attachments}>
      {fresh.map(each => (
        <li key={each.id}>
          <a class="file" href={`/v1/attachments/${each.id}`} download={each.filename}>
            {PICTURES.test(each.content_type) && each.size <= MAX_PICTURE ? (
              <img src={`/v1/attachments/${each.id}`} alt="" loading="lazy" decoding="async" />
            ) : (
              <Icon name="file" />
            )}
            <span class="file-name" dir="auto">
              {each.filename || w.file}
            </span>
            <span class="file-size">{sizeOf(each.size)}</span>
          </a>
        </li>
      ))}
    </ul>
  );
}
