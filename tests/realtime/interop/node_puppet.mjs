// The puppet in Node: a command a line on standard input, a report a line on standard output.

import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { puppet } from './puppet.mjs';

// `require` looks where NODE_PATH says, `import` does not.
const { Manager } = createRequire(import.meta.url)('socket.io-client');
const obey = puppet(Manager, (heard) => process.stdout.write(`${JSON.stringify(heard)}\n`));
createInterface({ input: process.stdin }).on('line', (line) => obey(JSON.parse(line)));
