import './style/tokens.css';
import './style/base.css';
import './style/parts.css';

import { mount } from 'svelte';
import App from './App.svelte';
import { recall } from './lib/look.svelte';

recall();
const target = document.getElementById('app');
if (target) mount(App, { target });
