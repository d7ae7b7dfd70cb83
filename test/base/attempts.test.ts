import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createAttempts, OF_CLIENT, OF_PERSON } from '#replyd/base/attempts.js';

function open(most?: number) {
  let time = 1_000_000;
  const attempts = createAttempts(() => time, most);
  const later = (milliseconds: number) => {
    time += milliseconds;
  };
  /** Seconds to wait; null: it was let through. */
  const wrong = (person: string, client = 'one'): number | null => {
    const attempt = attempts.begin({ person, client });
    return attempt.kind === 'wait' ? attempt.seconds : null;
  };
  const right = (person: string, client = 'one') => {
    const attempt = attempts.begin({ person, client });
    assert.ok(attempt.kind === 'begun');
    attempt.succeeded();
  };
  return { attempts, later, wrong, right };
}

test('wrong attempts at one person wait longer and longer, up to a bound', () => {
  const { later, wrong } = open();
  for (let count = 0; count < OF_PERSON.free; count += 1) assert.equal(wrong('anna', `c${count}`), null);
  const waits = [1, 2, 4, 8, 16, 30, 30, 30];
  for (const [index, seconds] of waits.entries()) {
    const client = `d${index}`;
    assert.equal(wrong('anna', client), seconds);
    assert.equal(wrong('anna', client), seconds, 'what is refused makes it no longer');
    later(seconds * 1000 - 1);
    assert.equal(wrong('anna', client), 1);
    later(1);
    assert.equal(wrong('anna', client), null);
  }
  assert.equal(wrong('bo', 'e'), null, 'others do not wait');
});

test('the right password works behind the wait, and ends it', () => {
  const { later, wrong, right } = open();
  for (let count = 0; count < 9; count += 1) {
    wrong('anna', `c${count}`);
    later(30_000);
  }
  right('anna', 'hers');
  for (let count = 0; count < OF_PERSON.free; count += 1) assert.equal(wrong('anna', `d${count}`), null);
  assert.equal(wrong('anna', 'e'), 1);
});

test('one client that tries many persons waits, also when it knows one password', () => {
  const { later, wrong, right } = open();
  let tried = 0;
  while (wrong(`p${tried}`) === null) {
    tried += 1;
    if (tried < OF_CLIENT.free) right('known');
  }
  assert.equal(tried, OF_CLIENT.free);
  for (let count = 0; count < 30; count += 1) {
    later(OF_CLIENT.longest);
    assert.equal(wrong(`q${count}`), null);
  }
  assert.equal(wrong('q'), OF_CLIENT.longest / 1000);
  assert.equal(wrong('q', 'another'), null);
  later(OF_CLIENT.forgotten + 1);
  for (let count = 0; count < OF_CLIENT.free; count += 1) assert.equal(wrong(`r${count}`), null);
});

test('many attempts at once are counted one by one', () => {
  const { attempts } = open();
  const begun = Array.from({ length: 50 }, (_, index) => attempts.begin({ person: 'anna', client: `c${index}` }));
  assert.equal(begun.filter(each => each.kind === 'begun').length, OF_PERSON.free);
});

test('the names that are kept are bounded: the one used longest ago is forgotten', () => {
  const { wrong } = open(3);
  for (let count = 0; count < OF_PERSON.free; count += 1) wrong('anna', `c${count}`);
  assert.equal(wrong('anna', 'd'), 1);
  for (const person of ['b', 'c', 'd']) wrong(person, person);
  assert.equal(wrong('anna', 'e'), null);
});

test('a clock that was put back makes nobody wait longer', () => {
  const { later, wrong } = open();
  for (let count = 0; count < 12; count += 1) {
    wrong('anna', `c${count}`);
    later(30_000);
  }
  later(-10_000_000);
  assert.equal(wrong('anna', 'd'), 30);
  later(30_000);
  assert.equal(wrong('anna', 'd'), null);
});
