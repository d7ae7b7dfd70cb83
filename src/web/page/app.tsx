/** The whole page: who is not signed in sees the door; else list, conversation and contact, or the settings. */
import { useEffect } from 'preact/hooks';
import { ConversationPane } from './conversation/conversation-pane.js';
import { followKeys } from './keyboard.js';
import { ListPane } from './list/list-pane.js';
import { Help } from './parts/help.js';
import { Icon } from './parts/icon.js';
import { TopBar } from './parts/top-bar.js';
import { SettingsPane } from './settings/settings-pane.js';
import { SignInPane } from './sign-in/sign-in-pane.js';
import { connected, followStream } from './state/live.js';
import { words } from './state/preferences.js';
import { followLinks, route } from './state/route.js';
import { account, lookWhoIsSignedIn, session } from './state/session.js';
import { dismiss, notice, spoken } from './state/told.js';

const AGAIN = 5_000;

export function App() {
  useEffect(() => {
    addEventListener('click', followLinks);
    void lookWhoIsSignedIn();
    return () => removeEventListener('click', followLinks);
  }, []);
  const { kind } = session.value;
  useEffect(() => {
    if (kind !== 'away') return;
    const timer = setInterval(() => void lookWhoIsSignedIn(), AGAIN);
    return () => clearInterval(timer);
  }, [kind]);
  return (
    <>
      <div class="visually-hidden" role="status" aria-live="polite">
        {spoken.value}
      </div>
      <Bars away={kind === 'away' || (kind === 'signed_in' && !connected.value)} />
      {route.value.kind === 'sign-in' || kind === 'signed_out' ? <SignInPane /> : kind === 'signed_in' && <Inside />}
    </>
  );
}

function Bars({ away }: { readonly away: boolean }) {
  const w = words.value;
  const told = notice.value;
  return (
    <div class="bars">
      <div role="status">{away && <p class="bar">{w.noConnection}</p>}</div>
      <div role={told?.kind === 'bad' ? 'alert' : 'status'}>
        {told !== null && (
          <p class={`bar ${told.kind}`}>
            <span>{told.text}</span>
            <button type="button" class="quiet" aria-label={w.close} onClick={dismiss}>
              <Icon name="close" />
            </button>
          </p>
        )}
      </div>
    </div>
  );
}

function Inside() {
  const w = words.value;
  useEffect(followStream, []);
  useEffect(followKeys, []);
  const place = route.value;
  return (
    <div class="page">
      <TopBar />
      {place.kind === 'settings' ? (
        <SettingsPane part={place.part} />
      ) : (
        <main class={`desk${place.kind === 'conversation' ? ' has-conversation' : ''}`}>
          <h1 class="visually-hidden">{w.conversations}</h1>
          <ListPane key={account.value} />
          {place.kind === 'conversation' ? (
            <ConversationPane id={place.id} message={place.message ?? null} />
          ) : (
            <section class="conversation-pane nothing-open" aria-label={w.conversation}>
              <p>{w.chooseConversation}</p>
            </section>
          )}
        </main>
      )}
      <Help />
    </div>
  );
}
