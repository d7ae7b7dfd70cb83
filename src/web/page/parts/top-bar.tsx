/** Above everything: whose page it is, which account, and what belongs to the person. */
import { helpShown } from '../state/help.js';
import { chosenLanguage, type Theme, theme, words } from '../state/preferences.js';
import { account, chooseAccount, me, signOut } from '../state/session.js';
import { LANGUAGE_NAMES, type Language } from '../words/languages.js';
import { act } from './act.js';
import { Icon } from './icon.js';
import { Menu } from './menu.js';
import { nameOf } from './person.js';

export function TopBar() {
  const w = words.value;
  const person = me.value;
  if (person === null) return null;
  return (
    <header class="top-bar">
      <a class="brand" href="/">
        replyd
      </a>
      {person.accounts.length > 1 ? (
        <label>
          <span class="visually-hidden">{w.account}</span>
          <select value={account.value ?? ''} onChange={event => chooseAccount(event.currentTarget.value)}>
            {person.accounts.map(each => (
              <option key={each.account} value={each.account}>
                {each.name || each.account}
              </option>
            ))}
          </select>
        </label>
      ) : (
        <span class="account-name" dir="auto">
          {person.accounts[0]?.name || person.accounts[0]?.account}
        </span>
      )}
      <span class="grow" />
      <button
        type="button"
        class="quiet only-wide"
        aria-label={w.keys}
        title={w.keys}
        onClick={() => {
          helpShown.value = true;
        }}
      >
        <Icon name="help" />
      </button>
      <a class="quiet" href="/settings/me" aria-label={w.settings} title={w.settings}>
        <Icon name="settings" />
      </a>
      <Menu label={w.personMenu} icon="person" text={nameOf(person)}>
        <ThemeChoice />
        <LanguageChoice />
        <button type="button" onClick={() => void act(() => signOut())}>
          {w.signOut}
        </button>
      </Menu>
    </header>
  );
}

export function ThemeChoice() {
  const w = words.value;
  return (
    <label class="choice">
      <span>{w.theme}</span>
      <select
        value={theme.value}
        onChange={event => {
          theme.value = event.currentTarget.value as Theme;
        }}
      >
        <option value="system">{w.themes.system}</option>
        <option value="light">{w.themes.light}</option>
        <option value="dark">{w.themes.dark}</option>
      </select>
    </label>
  );
}

export function LanguageChoice() {
  const w = words.value;
  return (
    <label class="choice">
      <span>{w.language}</span>
      <select
        value={chosenLanguage.value ?? ''}
        onChange={event => {
          chosenLanguage.value = (event.currentTarget.value || null) as Language | null;
        }}
      >
        <option value="">{w.languageOfBrowser}</option>
        {Object.entries(LANGUAGE_NAMES).map(([tag, name]) => (
          <option key={tag} value={tag} lang={tag}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}
