/**
 * Mails a second over SMTP: replyd (each 250 is a mail on disk and in its conversation) against a bare smtp-server
 * that throws mails away and Postfix delivering to a maildir. The same client, the same mails, in turns: in each round
 * every server gets its time in each scenario, so that what the machine does meanwhile hits all alike, and every other
 * round goes the other way round, since each finds a disk on which the one before has just written. Medians over the
 * rounds, of the ratios too.
 *
 * For Postfix the rate is that of its 250s (queued on disk); delivery to the maildir goes on behind it, and is
 * waited for before the next server has its turn. At the end every mail that got its 250 has to be in its place.
 */

import { goal, median, print } from './figures.js';
import { type LoadResult, runLoad } from './smtp-client.js';
import { bareServer, postfixMaildir, replyd, type Target } from './targets.js';

interface Scenario {
  readonly name: string;
  readonly connections: number;
  readonly connection: 'kept' | 'per mail';
  /** replyd's rate over Postfix's that is to be reached. */
  readonly goal: number | null;
}

const SCENARIOS: readonly Scenario[] = [
  { name: '1 kept connection', connections: 1, connection: 'kept', goal: 1 },
  { name: '10 kept connections', connections: 10, connection: 'kept', goal: 2 },
  { name: '50 kept connections', connections: 50, connection: 'kept', goal: 3 },
  { name: 'a connection per mail', connections: 1, connection: 'per mail', goal: null },
];

/** All in seconds but the number of rounds. */
export interface ThroughputOptions {
  /** At 10 connections, once for each server before the first round. */
  readonly first: number;
  readonly rounds: number;
  readonly warmUp: number;
  readonly seconds: number;
}

export async function throughput(options: ThroughputOptions): Promise<void> {
  const conversations = 1000;
  const own = await replyd(conversations);
  const targets: Target[] = [await bareServer()];
  const postfix = await postfixMaildir();
  if (postfix !== null) targets.push(postfix);
  targets.push(own);
  const accepted = new Map<Target, number>();
  const results = new Map<Scenario, Map<Target, LoadResult[]>>();
  try {
    print(
      `4 KB multipart mails to ${conversations} conversations; ${options.first} s of warm-up for each server, then ${options.rounds} rounds, each ${options.warmUp} s of warm-up and ${options.seconds} s measured`,
    );
    // A program that compiles itself while it runs is at its speed only after some ten thousand mails.
    for (const target of targets) await load(SCENARIOS[1]!, target, options.first - options.warmUp);
    for (let round = 1; round <= options.rounds; round++) {
      const order = round % 2 === 0 ? targets.toReversed() : targets;
      for (const scenario of SCENARIOS) for (const target of order) await turn(scenario, target);
    }
    report();
    for (const target of targets) {
      const stored = await target.stored();
      if (stored === null) continue;
      const sent = accepted.get(target) ?? 0;
      print(`${target.name}: ${sent} mails got their 250, ${stored} are in their place`);
      if (stored !== sent) throw new Error(`${target.name} stored ${stored} of ${sent} mails`);
    }
  } finally {
    for (const target of targets) await target.close();
  }

  async function turn(scenario: Scenario, target: Target): Promise<void> {
    const result = await load(scenario, target, options.seconds);
    const ofScenario = results.get(scenario) ?? new Map<Target, LoadResult[]>();
    results.set(scenario, ofScenario);
    ofScenario.set(target, [...(ofScenario.get(target) ?? []), result]);
  }

  async function load(scenario: Scenario, target: Target, seconds: number): Promise<LoadResult> {
    const result = await runLoad({
      host: target.host,
      port: target.port,
      connections: scenario.connections,
      connection: scenario.connection,
      recipients: own.recipients,
      warmUp: options.warmUp,
      seconds,
    });
    await target.settle();
    accepted.set(target, (accepted.get(target) ?? 0) + result.accepted);
    if (Object.keys(result.failures).length > 0) {
      throw new Error(`${target.name}, ${scenario.name}: ${JSON.stringify(result.failures)}`);
    }
    return result;
  }

  function report(): void {
    for (const scenario of SCENARIOS) {
      print(`\n${scenario.name}`);
      const rates = (target: Target) => of(scenario, target).map(result => result.perSecond);
      // Within a round both had the same machine.
      const timesOf = (target: Target) => median(rates(target).map((rate, round) => rates(own)[round]! / rate));
      for (const target of targets) {
        const latency = (pick: (result: LoadResult) => number) => median(of(scenario, target).map(pick)).toFixed(1);
        const ratio = target === own ? '' : `   replyd is ${timesOf(target).toFixed(2)} times that`;
        print(
          `  ${target.name.padEnd(22)}${String(Math.round(median(rates(target)))).padStart(6)} mails/s   p50 ${latency(result => result.latency.p50)} ms, p99 ${latency(result => result.latency.p99)} ms${ratio}`,
        );
      }
      if (scenario.goal !== null && postfix !== null) {
        goal(`${scenario.goal} times Postfix`, timesOf(postfix) >= scenario.goal);
      } else if (scenario.goal === null) {
        goal('under 5 ms a mail (p50)', median(of(scenario, own).map(result => result.latency.p50)) < 5);
      }
    }
  }

  function of(scenario: Scenario, target: Target): readonly LoadResult[] {
    return results.get(scenario)?.get(target) ?? [];
  }
}
