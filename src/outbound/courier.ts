/** The courier that the settings ask for: files in a folder, or a smarthost. */
import { mkdirSync } from 'node:fs';
import type { Courier } from '../conversation/ports.js';
import { createFileCourier } from './file.js';
import { createSmtpCourier, type SmtpCourierOptions } from './smtp.js';

export type CourierSettings =
  | { readonly kind: 'file'; readonly folder: string }
  | ({ readonly kind: 'smtp' } & SmtpCourierOptions);

/** Makes the folder (0700) at once: an operator looks into it before the first mail is there. Throws what that throws. */
export function createCourier(settings: CourierSettings): Courier {
  if (settings.kind === 'smtp') return createSmtpCourier(settings);
  mkdirSync(settings.folder, { recursive: true, mode: 0o700 });
  return createFileCourier(settings);
}
