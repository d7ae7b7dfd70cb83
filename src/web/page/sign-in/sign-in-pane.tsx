/** The door: by e-mail and password, or by a link whose secret stands behind the `#`, where no server sees it. */
import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { type Fault, isFault } from '../api.js';
import { LanguageChoice } from '../parts/top-bar.js';
import { Trouble } from '../parts/trouble.js';
import { words } from '../state/preferences.js';
import { go, route } from '../state/route.js';
import { lookWhoIsSignedIn } from '../state/session.js';
import { type LinkOwner, ownerOfLink, signIn, signInByLink } from './door.js';
import { NewPassword, PASSWORD_HINT } from './new-password.js';

export function SignInPane() {
  const [secret, setSecret] = useState(secretOfLink);
  return (
    <main class="door">
      <h1>replyd</h1>
      {secret === null ? <ByPassword /> : <ByLink secret={secret} onOther={() => setSecret(null)} />}
      <LanguageChoice />
    </main>
  );
}

/** It goes from the address at once: neither the history nor a shared screen keeps it. */
function secretOfLink(): string | null {
  const secret = location.hash.slice(1);
  if (location.pathname !== '/sign-in' || secret === '') return null;
  history.replaceState(null, '', '/sign-in');
  return secret;
}

/** Afterwards where he wanted to go. */
async function enter(): Promise<void> {
  await lookWhoIsSignedIn();
  if (route.value.kind === 'sign-in') go({ kind: 'list' }, { replace: true });
}

interface DoorFormProps {
  readonly onSubmit: (fields: Readonly<Record<string, string>>) => Promise<unknown>;
  /** What a fault means here, in other words than the server's; null: in the server's. */
  readonly explain: (fault: Fault) => string | null;
  readonly button: string;
  readonly children: ComponentChildren;
}

function DoorForm({ onSubmit, explain, button, children }: DoorFormProps) {
  const [fault, setFault] = useState<Fault | null>(null);
  const [isBusy, setBusy] = useState(false);
  const submit = async (form: HTMLFormElement) => {
    setBusy(true);
    setFault(null);
    try {
      await onSubmit(Object.fromEntries(new FormData(form)) as Record<string, string>);
      await enter();
    } catch (error) {
      if (!isFault(error)) throw error;
      setFault(error);
    } finally {
      setBusy(false);
    }
  };
  const words = fault && explain(fault);
  return (
    <form
      onSubmit={event => {
        event.preventDefault();
        if (!isBusy) void submit(event.currentTarget);
      }}
    >
      {children}
      {words && (
        <p class="trouble" role="alert">
          {words}
        </p>
      )}
      {fault && !words && <Trouble fault={fault} />}
      <button type="submit" class="primary" aria-disabled={isBusy}>
        {button}
      </button>
    </form>
  );
}

function ByPassword() {
  const w = words.value;
  return (
    <DoorForm
      button={w.signIn}
      explain={fault => (fault.status === 401 ? w.signInWrong : null)}
      onSubmit={({ email = '', password = '' }) => signIn({ email: email.trim(), password })}
    >
      <label>
        <span>{w.email}</span>
        <input name="email" type="email" autocomplete="username" required maxLength={320} />
      </label>
      <label>
        <span>{w.password}</span>
        <input name="password" type="password" autocomplete="current-password" required maxLength={1000} />
      </label>
    </DoorForm>
  );
}

function ByLink({ secret, onOther }: { readonly secret: string; readonly onOther: () => void }) {
  const w = words.value;
  const [owner, setOwner] = useState<LinkOwner | null>(null);
  const [fault, setFault] = useState<Fault | null>(null);
  useEffect(() => {
    ownerOfLink(secret).then(setOwner, error => {
      if (!isFault(error)) throw error;
      setFault(error);
    });
  }, [secret]);
  const isDead = fault?.status === 404;
  if (fault) {
    return (
      <div class="door-card">
        {isDead ? <p role="alert">{w.linkDead}</p> : <Trouble fault={fault} />}
        <button type="button" onClick={onOther}>
          {w.signInWithPassword}
        </button>
      </div>
    );
  }
  if (owner === null) return <p class="loading late">{w.loading}</p>;
  return (
    <DoorForm
      button={w.linkUse}
      explain={each => (each.status === 404 ? w.linkDead : null)}
      onSubmit={({ password = '' }) => signInByLink({ secret, password })}
    >
      <h2>{w.linkTitle}</h2>
      <p dir="auto">{w.linkFor(owner.email)}</p>
      <input
        class="visually-hidden"
        type="text"
        autocomplete="username"
        value={owner.email}
        readOnly
        tabIndex={-1}
        aria-hidden="true"
      />
      <NewPassword>
        <span class="hint" id={PASSWORD_HINT}>
          {w.passwordLength}
        </span>
      </NewPassword>
    </DoorForm>
  );
}
