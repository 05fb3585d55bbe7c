// Preact without a compile step: tagged templates instead of JSX.

import htm from 'htm';
import { h } from 'preact';

export const html = htm.bind(h);
