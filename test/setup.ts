/** @file Runs before each file of tests; what it imports runs once in each process. */
import "./shared-sessions.ts";
