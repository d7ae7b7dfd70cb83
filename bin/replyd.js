#!/usr/bin/env node
import('../dist/cli/main.js').catch(error => {
  // A program that is not built must not bounce mail: 75 and 111 say "later" to MTAs.
  const isPipe = process.argv.includes('deliver');
  const [line, code] = isPipe
    ? ['4.3.0 replyd is not built: ', process.argv.join(' ').includes('qmail') ? 111 : 75]
    : ['replyd: ', 1];
  process[isPipe ? 'stdout' : 'stderr'].write(`${line}${String(error.message).replaceAll('\n', ' ')}\n`);
  process.exitCode = code;
});
