/**
 * The level that a bus began at: buses of earlier versions began at the first one. `format` of the bus,
 * which was always 1 before, is the level that it has now.
 */
export const LEVELS = `
ALTER TABLE bus ADD COLUMN first_level INTEGER NOT NULL DEFAULT 1 CHECK (first_level >= 1);
`;
