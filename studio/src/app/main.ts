// First: its question is on its way while the rest is read.
import { ready } from './early';
import { mount } from 'svelte';
import 'uplot/dist/uPlot.min.css';

import '../style/lazuli.css';
import '../style/studio.css';
import App from './App.svelte';
import { kept } from './kept';

const theme = kept<string>('theme', '');
if (theme) document.documentElement.dataset['theme'] = theme;
const target = document.getElementById('studio');
if (target) void ready.then(() => mount(App, { target }));
