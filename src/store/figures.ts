/** The store's figures for Prometheus, the same for both engines. */
import { gauge, histogram } from '../base/metrics.js';

export const commitSeconds = histogram(
  'replyd_commit_seconds',
  'From handing over a write to its answer: waiting for the batch before, the work, the commit.',
  [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
);
export const batchWrites = histogram(
  'replyd_commit_batch_writes',
  'Writes committed together.',
  [1, 2, 4, 8, 16, 32, 64, 128],
);

export const searchIndexed = gauge(
  'replyd_search_indexed_ratio',
  'How much of the store the search index has looked at; 1: all.',
);
export const searchPieces = histogram(
  'replyd_search_fill_seconds',
  'Filling a piece of the search index.',
  [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
);

/** With PostgreSQL; `lane`: write, read, large, and listen: one more, 1 while this node hears the wake-ups of others. */
export const databaseConnections = gauge(
  'replyd_database_connections',
  'Connections to PostgreSQL that are open: write, read and large are at most store.pool; listen is 1 while wake-ups are heard.',
  ['lane'],
);
export const databaseWaiting = gauge('replyd_database_waiting_calls', 'Calls that wait for a connection.', ['lane']);
