// Reads an AsyncAPI document as its official parser does: prints what is wrong with it and how much is in it.
//
//   node validate.mjs FILE

import { readFile } from 'node:fs/promises';
import { Parser } from '@asyncapi/parser';

const SEVERITIES = ['error', 'warning', 'information', 'hint'];

const { document, diagnostics } = await new Parser().parse(await readFile(process.argv[2], 'utf8'));
const faults = diagnostics
  .filter(({ code }) => code !== 'asyncapi-latest-version') // the contract says 3.0
  .map(({ severity, code, path, message }) => `${SEVERITIES[severity]} ${code} at ${path.join('.')}: ${message}`);
const found = document && {
  version: document.version(),
  channels: document.allChannels().all().map((channel) => channel.address()),
  operations: document.allOperations().length,
  messages: document.allMessages().length,
};
console.log(JSON.stringify({ faults, found: found ?? null }));
