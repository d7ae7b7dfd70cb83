/** People in Cc: who gets the answers beside the contact, and whom customers put there, to be added. */
import type { Conversation } from '../../../conversation/model.js';
import { ask } from '../api.js';
import { act } from '../parts/act.js';
import { Icon } from '../parts/icon.js';
import { nameOf } from '../parts/person.js';
import { takeConversation } from '../state/opened.js';
import { words } from '../state/preferences.js';

type Person = Conversation['cc'][number];

function add({ id }: Conversation, { email, ...person }: Person): Promise<boolean> {
  const place = `/v1/conversations/${id}/cc`;
  return act(
    async () => takeConversation(await ask<Conversation>('POST', place, { body: { email } })),
    words.value.ccAdded(nameOf({ ...person, email })),
  );
}

function remove({ id }: Conversation, person: Person): Promise<boolean> {
  const place = `/v1/conversations/${id}/cc/${person.id}`;
  return act(
    async () => takeConversation(await ask<Conversation>('DELETE', place)),
    words.value.ccRemoved(nameOf(person)),
  );
}

/** Those of one state. */
function peopleIn({ cc }: Conversation, state: Person['state']): readonly Person[] {
  return cc.filter(each => each.state === state);
}

/** In the contact's pane: each with a button. */
export function CcPeople({ conversation }: { readonly conversation: Conversation }) {
  const w = words.value;
  return (
    <>
      {(['carried', 'suggested'] as const).map(state => {
        const people = peopleIn(conversation, state);
        if (people.length === 0) return null;
        const isCarried = state === 'carried';
        return (
          <section key={state}>
            <h3>{isCarried ? w.answersAlsoTo : w.suggestedInCc}</h3>
            <ul class="plain cc-people">
              {people.map(person => (
                <li key={person.id}>
                  <span dir="auto" title={person.email}>
                    {nameOf(person)}
                  </span>
                  <button
                    type="button"
                    class="quiet"
                    aria-label={isCarried ? w.removeFromCc(nameOf(person)) : w.addToCc(nameOf(person))}
                    onClick={() => (isCarried ? remove : add)(conversation, person)}
                  >
                    {isCarried ? <Icon name="close" /> : w.add}
                  </button>
                </li>
              ))}
            </ul>
          </section>
        );
      })}
    </>
  );
}

/** Beside the answer: to whom it goes too, and who may be added with one click. */
export function AnswerReaders({ conversation }: { readonly conversation: Conversation }) {
  const w = words.value;
  const [carried, suggested] = [peopleIn(conversation, 'carried'), peopleIn(conversation, 'suggested')];
  if (carried.length + suggested.length === 0) return null;
  return (
    <div class="answer-readers">
      {carried.length > 0 && (
        <span dir="auto" title={carried.map(each => each.email).join(', ')}>
          {w.alsoTo(carried.map(nameOf).join(', '))}
        </span>
      )}
      {suggested.map(person => (
        <button
          key={person.id}
          type="button"
          class="quiet"
          dir="auto"
          title={person.email}
          onClick={() => add(conversation, person)}
        >
          {w.addToAnswer(nameOf(person))}
        </button>
      ))}
    </div>
  );
}
