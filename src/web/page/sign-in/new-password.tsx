/** The field for a new password. What it has to be stands in an element with the id `PASSWORD_HINT`, in the label or beside it. */
import type { ComponentChildren } from 'preact';
import { words } from '../state/preferences.js';
import { SHORTEST_PASSWORD } from './door.js';

export const PASSWORD_HINT = 'password-hint';

export function NewPassword({ children }: { readonly children?: ComponentChildren }) {
  return (
    <label>
      <span>{words.value.newPassword}</span>
      <input
        name="password"
        type="password"
        autocomplete="new-password"
        required
        minLength={SHORTEST_PASSWORD}
        maxLength={1000}
        aria-describedby={PASSWORD_HINT}
      />
      {children}
    </label>
  );
}
