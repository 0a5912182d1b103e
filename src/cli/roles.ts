/** The roles that options name, as the contract has them. */
export const BUS_ROLES = ["admin", "member"] as const;
export const ROOM_ROLES = ["owner", "member", "reader", "writer"] as const;
