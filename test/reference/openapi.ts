/** `npm run lint:api`: writes /openapi.json into `dist-test`, for redocly to read. */
import { writeFileSync } from 'node:fs';
import { apiRoutes } from '#replyd/api/api.js';
import { OPEN_PLACES } from '#replyd/api/health.js';
import { openApi } from '#replyd/api/openapi.js';
import type { EventStream } from '#replyd/api/stream.js';

const routes = apiRoutes({ testHook: async () => ({ ok: true, response: '' }), stream: {} as EventStream });
writeFileSync(
  'dist-test/openapi.json',
  `${JSON.stringify(openApi(routes, { version: '0.1.0', open: OPEN_PLACES }))}\n`,
);
