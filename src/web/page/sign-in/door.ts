/**
 * How somebody gets in and out. The server keeps the session in a cookie; what goes wrong is a Fault:
 * 401 address and password do not fit, 404 the link is used or over, 422 the password is too short, 429 too many attempts.
 */
import { ask } from '../api.js';

export const SHORTEST_PASSWORD = 12;

export interface LinkOwner {
  readonly email: string;
  readonly name: string;
}

export function signIn(who: { readonly email: string; readonly password: string }): Promise<unknown> {
  return ask('POST', '/sign-in', { body: who });
}

/** Whose link it is. Changes nothing. */
export function ownerOfLink(secret: string): Promise<LinkOwner> {
  return ask<LinkOwner>('POST', '/sign-in/link', { body: { secret } });
}

/** Sets the password, and he is signed in. */
export function signInByLink(link: { readonly secret: string; readonly password: string }): Promise<unknown> {
  return ask('POST', '/sign-in/password', { body: link });
}

/** Another password for whoever is signed in; 403: `current` is not his. His other sessions and his links end. */
export function changePassword(passwords: { readonly current: string; readonly password: string }): Promise<unknown> {
  return ask('POST', '/password', { body: passwords });
}

/** `everywhere`: in all browsers. */
export function leave({ everywhere }: { readonly everywhere: boolean }): Promise<unknown> {
  return ask('POST', '/sign-out', { body: { everywhere } });
}
