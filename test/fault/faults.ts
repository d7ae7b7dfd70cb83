/** All faults, in the order of their table. */
import { clockFaults } from './clock-faults.js';
import type { FaultGroup } from './fault.js';
import { killedParsers, parserFaults } from './parser-faults.js';
import { receiverFaults } from './receiver-faults.js';
import { hangingSmarthosts, smarthostFaults } from './smarthost-faults.js';
import { fullDisk, groundFaults } from './store-faults.js';

export const FAULTS: readonly FaultGroup[] = [
  fullDisk,
  groundFaults,
  smarthostFaults,
  receiverFaults,
  clockFaults,
  parserFaults,
  killedParsers,
  ...hangingSmarthosts,
];
