export const version = "0.1.18";
