/** What is one's own: name, mails about conversations, the look of the page, and where one is signed in. */
import { ask } from '../api.js';
import { act } from '../parts/act.js';
import { LanguageChoice, ThemeChoice } from '../parts/top-bar.js';
import { words } from '../state/preferences.js';
import { lookWhoIsSignedIn, type Membership, me, membership, signOut } from '../state/session.js';
import { PasswordForm } from './password.js';

const NOTIFY = ['assigned', 'all', 'none'] as const;

export function MePart() {
  const w = words.value;
  const person = me.value;
  const here = membership.value;
  if (person === null || here === null) return null;
  const change = (body: { readonly name?: string; readonly notify?: Membership['notify'] }) =>
    act(async () => {
      await ask('PATCH', `/v1/agents/${person.id}`, { query: { account: here.account }, body });
      await lookWhoIsSignedIn();
    }, w.saved);
  return (
    <>
      <section class="card" aria-labelledby="me-heading">
        <h2 id="me-heading" dir="auto">
          {person.name || person.email}
        </h2>
        <p class="hint" dir="auto">
          {person.email}
        </p>
        <form
          class="line"
          key={person.name}
          onSubmit={event => {
            event.preventDefault();
            void change({ name: String(new FormData(event.currentTarget).get('name')).trim() });
          }}
        >
          <label>
            <span>{w.name}</span>
            <input name="name" required maxLength={255} defaultValue={person.name} autocomplete="name" />
          </label>
          <button type="submit">{w.save}</button>
        </form>
        <label class="choice">
          <span>{w.notifyMe}</span>
          <select
            value={here.notify}
            onChange={event => void change({ notify: event.currentTarget.value as Membership['notify'] })}
          >
            {NOTIFY.map(each => (
              <option key={each} value={each}>
                {w.notifyMine[each]}
              </option>
            ))}
          </select>
        </label>
      </section>
      <section class="card" aria-labelledby="look-heading">
        <h2 id="look-heading">{w.look}</h2>
        <ThemeChoice />
        <LanguageChoice />
      </section>
      <section class="card" aria-labelledby="out-heading">
        <h2 id="out-heading">{w.signedIn}</h2>
        <PasswordForm />
        <div class="buttons">
          <button type="button" onClick={() => void act(() => signOut())}>
            {w.signOut}
          </button>
          <button type="button" onClick={() => void act(() => signOut({ everywhere: true }))}>
            {w.signOutEverywhere}
          </button>
        </div>
      </section>
    </>
  );
}
