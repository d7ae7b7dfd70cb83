/** What a scrape shows is what was counted, in the form that Prometheus reads. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { counter, gauge, histogram, measured, renderMetrics } from '#replyd/base/metrics.js';

/** The lines of one metric, with those of its kind and meaning. */
function linesOf(name: string): string[] {
  return renderMetrics()
    .split('\n')
    .filter(line => line.includes(` ${name} `) || line.startsWith(name));
}

test('counters: from 0 without labels, from the first count with them', () => {
  const plain = counter('test_plain_total', 'Plain.');
  assert.deepEqual(linesOf('test_plain_total'), [
    '# HELP test_plain_total Plain.',
    '# TYPE test_plain_total counter',
    'test_plain_total 0',
  ]);
  plain.add();
  plain.add([], 41);
  assert.equal(linesOf('test_plain_total').at(-1), 'test_plain_total 42');
  const labelled = counter('test_labelled_total', 'Labelled.', ['door', 'word']);
  assert.deepEqual(linesOf('test_labelled_total'), []);
  labelled.add(['smtp', 'accepted']);
  labelled.add(['smtp', 'a "quoted"\\\nword'], 2);
  assert.deepEqual(linesOf('test_labelled_total').slice(2), [
    'test_labelled_total{door="smtp",word="accepted"} 1',
    'test_labelled_total{door="smtp",word="a \\"quoted\\"\\\\\\nword"} 2',
  ]);
});

test('gauges show the last value; measured ones are looked up, and left out without a value', () => {
  const open = gauge('test_open', 'Open.', ['door']);
  open.set(3, ['lmtp']);
  open.set(2, ['lmtp']);
  assert.deepEqual(linesOf('test_open').slice(2), ['test_open{door="lmtp"} 2']);
  let value: number | null = 7;
  measured('test_measured_bytes', 'Measured.', 'gauge', () => value);
  assert.equal(linesOf('test_measured_bytes').at(-1), 'test_measured_bytes 7');
  value = null;
  assert.deepEqual(linesOf('test_measured_bytes'), []);
});

test('histograms: buckets hold all that is not above them', () => {
  const seconds = histogram('test_seconds', 'Seconds.', [0.1, 1], ['lane']);
  for (const value of [0.0625, 0.1, 0.5, 2]) seconds.observe(value, ['small']);
  assert.deepEqual(linesOf('test_seconds').slice(2), [
    'test_seconds_bucket{lane="small",le="0.1"} 2',
    'test_seconds_bucket{lane="small",le="1"} 3',
    'test_seconds_bucket{lane="small",le="+Inf"} 4',
    'test_seconds_sum{lane="small"} 2.6625',
    'test_seconds_count{lane="small"} 4',
  ]);
});

test('a name is given once', () => {
  counter('test_once_total', 'Once.');
  assert.throws(() => gauge('test_once_total', 'Twice.'), /two metrics are called test_once_total/);
});
