// Bundles the screens into ../static: one script and one style sheet per screen, named by their content.
// The page renderer finds them through manifest.json. Safe to repeat.

import { build } from 'esbuild';
import { copyFile, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const sources = path.dirname(fileURLToPath(import.meta.url));
const target = path.join(sources, '..', 'static');
const fresh = `${target}.new`;

await rm(fresh, { recursive: true, force: true });
await mkdir(fresh, { recursive: true });
const { metafile } = await build({
  absWorkingDir: sources,
  entryPoints: [
    'guest.js', 'kitchen.js', 'login.js', 'transfer.js', 'webhooks.js',
    'styles/guest.css', 'styles/kitchen.css', 'styles/login.css', 'styles/transfer.css', 'styles/webhooks.css',
    'icon.svg',
  ],
  outdir: fresh,
  entryNames: '[name]-[hash]',
  assetNames: '[name]-[hash]',
  alias: { 'tabletap-live': path.resolve(sources, '../../../../clients/javascript/src/index.js') },
  bundle: true,
  minify: true,
  format: 'esm',
  target: ['es2022', 'chrome109', 'firefox115', 'safari16.4'],
  loader: { '.svg': 'copy' },
  legalComments: 'none',
  metafile: true,
  logLevel: 'warning',
});

/** @type {Record<string, string>} */
const manifest = {};
for (const [file, { entryPoint }] of Object.entries(metafile.outputs)) {
  if (entryPoint) manifest[path.basename(entryPoint)] = path.basename(file);
}
await writeFile(path.join(fresh, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);

// The letters that receipts in PDF are written with, and what their makers ask to be kept beside them.
const letters = path.dirname(createRequire(import.meta.url).resolve('dejavu-fonts-ttf/package.json'));
await copyFile(path.join(letters, 'ttf', 'DejaVuSansMono.ttf'), path.join(fresh, 'DejaVuSansMono.ttf'));
await copyFile(path.join(letters, 'LICENSE'), path.join(fresh, 'DejaVu-LICENSE.txt'));

await rm(target, { recursive: true, force: true });
await rename(fresh, target);
console.log(`Built ${(await readdir(target)).length} files of the screens.`);
