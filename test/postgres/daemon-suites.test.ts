import { onPostgres } from './suites.js';

onPostgres(['durability/due', 'durability/events', 'durability/kill']);
