import { journalContract } from "../storage/journal.contract.ts";
import { FakeJournal, JournalPaper } from "./journal.ts";

journalContract("in memory, for tests", () => {
  const paper = new JournalPaper();
  return { open: async () => new FakeJournal(paper), clear: () => undefined };
});
