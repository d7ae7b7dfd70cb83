/** What can be set: for everybody what is his own, and for those who run an account its people, hooks and mails. */
import type { ComponentType } from 'preact';
import { words } from '../state/preferences.js';
import { isAdmin } from '../state/session.js';
import { AccountPart } from './account.js';
import { AgentsPart } from './agents.js';
import { HooksPart } from './hooks.js';
import { MePart } from './me.js';
import { QueuePart } from './queue.js';

const PARTS = {
  me: MePart,
  agents: AgentsPart,
  account: AccountPart,
  hooks: HooksPart,
  queue: QueuePart,
} as const satisfies Readonly<Record<string, ComponentType>>;
type PartName = keyof typeof PARTS;

const isPart = (name: string): name is PartName => Object.hasOwn(PARTS, name);

export function SettingsPane({ part }: { readonly part: string }) {
  const w = words.value;
  const shown = isAdmin.value && isPart(part) ? part : 'me';
  const Part = PARTS[shown];
  return (
    <main class="settings">
      <div class="settings-head">
        <h1>{w.settings}</h1>
        <a href="/">{w.back}</a>
      </div>
      {isAdmin.value && (
        <nav aria-label={w.settings} class="tabs">
          {(Object.keys(PARTS) as PartName[]).map(name => (
            <a key={name} href={`/settings/${name}`} aria-current={name === shown ? 'page' : undefined}>
              {w.settingsParts[name]}
            </a>
          ))}
        </nav>
      )}
      <Part />
    </main>
  );
}
