import { onPostgres } from './suites.js';

onPostgres(['api/behaviour', 'api/stream', 'api/health', 'api/foreign', 'api/agents', 'api/search']);
