/** Another password for whoever is signed in: he stays so here, and nowhere else. */
import { useState } from 'preact/hooks';
import { type Fault, isFault } from '../api.js';
import { Trouble } from '../parts/trouble.js';
import { changePassword } from '../sign-in/door.js';
import { NewPassword, PASSWORD_HINT } from '../sign-in/new-password.js';
import { words } from '../state/preferences.js';
import { notify } from '../state/told.js';

export function PasswordForm() {
  const w = words.value;
  const [fault, setFault] = useState<Fault | null>(null);
  const [isBusy, setBusy] = useState(false);
  const change = async (form: HTMLFormElement) => {
    const { current = '', password = '' } = Object.fromEntries(new FormData(form)) as Record<string, string>;
    setBusy(true);
    setFault(null);
    try {
      await changePassword({ current, password });
      form.reset();
      notify('good', w.passwordChanged);
    } catch (error) {
      if (!isFault(error)) throw error;
      setFault(error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <form
      class="line"
      onSubmit={event => {
        event.preventDefault();
        if (!isBusy) void change(event.currentTarget);
      }}
    >
      <label>
        <span>{w.currentPassword}</span>
        <input name="current" type="password" autocomplete="current-password" required maxLength={1000} />
      </label>
      <NewPassword />
      <button type="submit" aria-disabled={isBusy}>
        {w.changePassword}
      </button>
      <p class="hint wide" id={PASSWORD_HINT}>
        {w.passwordLength} {w.passwordHow}
      </p>
      {fault?.status === 403 && (
        <p class="trouble wide" role="alert">
          {w.wrongPassword}
        </p>
      )}
      {fault !== null && fault.status !== 403 && <Trouble fault={fault} />}
    </form>
  );
}
