// What @peculiar/x509 needs when it is loaded. A module of its own: in the executable the bundler puts
// packages of the old kind, as this one is, behind those of the new kind that the same file imports.
import "reflect-metadata";
