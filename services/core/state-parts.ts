/** What there is of a partition's committed state in rows, as it is carried elsewhere: one part after the other. */
export const STATE_PARTS = ["records", "operations", "conflicts"] as const;
export type StatePart = (typeof STATE_PARTS)[number];
