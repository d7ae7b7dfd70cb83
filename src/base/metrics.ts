/**
 * Figures for Prometheus (text format 0.0.4): counters, gauges and histograms, each declared in the file that counts it.
 * Names end in their unit. Label values are words of this program, never input, so their number is bounded.
 *
 * Counting never throws and costs one query of a map. Two metrics of one name are a bug: the second declaration throws.
 * The counts begin at zero with each start of the process, as Prometheus expects.
 */

interface Metric {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly lines: (name: string) => Iterable<string>;
}

const metrics = new Map<string, Metric>();

/** In the order of the names that were declared. */
type LabelValues = readonly string[];

/** `names` of the labels. A counter without labels shows 0 from the start. */
export function counter(name: string, help: string, names: readonly string[] = []) {
  const series = createSeries(names, () => ({ value: 0 }));
  if (names.length === 0) series.of(NO_LABELS);
  declare(name, { type: 'counter', help, lines: shown => samples(shown, series.all()) });
  return {
    add(labels: LabelValues = NO_LABELS, by = 1): void {
      series.of(labels).value += by;
    },
  };
}

export function gauge(name: string, help: string, names: readonly string[] = []) {
  const series = createSeries(names, () => ({ value: 0 }));
  declare(name, { type: 'gauge', help, lines: shown => samples(shown, series.all()) });
  return {
    set(value: number, labels: LabelValues = NO_LABELS): void {
      series.of(labels).value = value;
    },
    /** Nobody knows it now: it is not shown until it is set again. */
    clear(): void {
      series.clear();
    },
  };
}

/** A figure that is looked up at each scrape; null: there is none here. */
export function measured(name: string, help: string, type: 'counter' | 'gauge', look: () => number | null): void {
  declare(name, {
    type,
    help,
    lines(shown) {
      const value = look();
      return value === null ? [] : [`${shown} ${value}`];
    },
  });
}

/** `bounds` rise; what is above the last one counts in +Inf alone. */
export function histogram(name: string, help: string, bounds: readonly number[], names: readonly string[] = []) {
  const series = createSeries(names, () => ({ counts: bounds.map(() => 0), count: 0, sum: 0 }));
  declare(name, {
    type: 'histogram',
    help,
    *lines(shown) {
      for (const [labels, { counts, count, sum }] of series.all()) {
        let below = 0;
        for (const [at, bound] of bounds.entries()) {
          below += counts[at]!;
          yield `${shown}_bucket${braces(labels, `le="${bound}"`)} ${below}`;
        }
        yield `${shown}_bucket${braces(labels, 'le="+Inf"')} ${count}`;
        yield `${shown}_sum${braces(labels)} ${sum}`;
        yield `${shown}_count${braces(labels)} ${count}`;
      }
    },
  });
  return {
    observe(value: number, labels: LabelValues = NO_LABELS): void {
      const found = series.of(labels);
      found.count += 1;
      found.sum += value;
      const at = bounds.findIndex(bound => value <= bound);
      if (at !== -1) found.counts[at]! += 1;
    },
  };
}

/** All of them, as a scrape wants it. */
export function renderMetrics(): string {
  let text = '';
  for (const [name, metric] of [...metrics].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const lines = [...metric.lines(name)];
    if (lines.length === 0) continue;
    text += `# HELP ${name} ${metric.help}\n# TYPE ${name} ${metric.type}\n${lines.join('\n')}\n`;
  }
  return text;
}

export const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

function declare(name: string, metric: Metric): void {
  if (metrics.has(name)) throw new Error(`two metrics are called ${name}`);
  metrics.set(name, metric);
}

const NO_LABELS: LabelValues = [];

/** What was counted for each set of labels, with their text, which is made once: counting is done for each mail. */
function createSeries<T>(names: readonly string[], begin: () => T) {
  const found = new Map<string, readonly [labels: string, counted: T]>();
  return {
    of(labels: LabelValues): T {
      let key = labels[0] ?? '';
      for (let at = 1; at < names.length; at++) key += `\0${labels[at] ?? ''}`;
      let entry = found.get(key);
      if (entry === undefined) {
        entry = [labelText(names, labels), begin()];
        found.set(key, entry);
      }
      return entry[1];
    },
    all: () => found.values(),
    clear: () => found.clear(),
  };
}

function* samples(
  name: string,
  all: Iterable<readonly [labels: string, counted: { value: number }]>,
): Iterable<string> {
  for (const [labels, { value }] of all) yield `${name}${braces(labels)} ${value}`;
}

function labelText(names: readonly string[], values: LabelValues): string {
  return names.map((name, at) => `${name}="${escaped(values[at] ?? '')}"`).join(',');
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

function braces(...parts: readonly string[]): string {
  const inside = parts.filter(part => part !== '').join(',');
  return inside === '' ? '' : `{${inside}}`;
}
