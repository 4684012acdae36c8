/** uPlot and its style, in a piece of their own that is loaded with the first chart. */

import 'uplot/dist/uPlot.min.css';

export { default as Plot } from 'uplot';
