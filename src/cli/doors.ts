/** The doors that a configuration opens, each with the places where it listens. */
import type { Listen } from '../base/place.js';
import type { Config } from '../config/keys.js';

export type Door = readonly [name: string, listen: readonly Listen[]];

export function doorsOf({ smtp, lmtp, http, ingress, web }: Config): readonly Door[] {
  const doors: readonly Door[] = [
    ['smtp', smtp.listen],
    ['lmtp', lmtp.listen],
    ['http', http.listen === null ? [] : [http.listen]],
    ['ingress', ingress.listen === null ? [] : [ingress.listen]],
    ['web', web.listen === null ? [] : [web.listen]],
  ];
  return doors.filter(([, listen]) => listen.length > 0);
}
