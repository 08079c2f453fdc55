// Charts of SVG without a library: each says in words what it shows, and has its numbers as a table.

export { line, bars } from "./charts/plot.js";
export { spark } from "./charts/spark.js";
export { flame, folded } from "./charts/flame.js";
export { waterfall } from "./charts/waterfall.js";
