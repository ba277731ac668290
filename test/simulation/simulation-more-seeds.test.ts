import { trySeeds } from "./seeds.ts";

// In a file of its own, so that both processors are at work.
trySeeds({ offset: 150, count: 150 });
