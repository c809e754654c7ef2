import { DataDirectoryError } from "./data-directory-error.ts";
import { damaged, writeFailure } from "./database.ts";
import { JournalLoading } from "./journal-loading.ts";
import type { FromWorker, KeptChannel, KeptRow, Opening, ToWorker } from "./journal-messages.ts";

export interface OpenedJournal extends Opening {
  readonly worker: Worker;
  readonly loading: JournalLoading;
}

/**
 * Starts the worker, which opens and locks the file and reads it to us: it does the reading too, so that nobody else
 * can have the file between the reading and the first write.
 */
export function openJournalWorker(path: string): Promise<OpenedJournal> {
  const worker = new Worker(new URL("./journal-worker.ts", import.meta.url).href);
  const loading = new JournalLoading();
  return new Promise((resolve, reject) => {
    const fail = (error: DataDirectoryError): void => {
      worker.terminate();
      reject(error);
    };
    worker.onerror = ({ message }) => fail(new DataDirectoryError("unusable", path, `Cannot open ${path}: ${message}`));
    const hear = (message: FromWorker): void => {
      if (message.say === "channels") loading.addChannels(JSON.parse(message.channels) as KeptChannel[]);
      else if (message.say === "rows") loading.addRows(JSON.parse(message.rows) as KeptRow[]);
      else if (message.say === "refused") fail(new DataDirectoryError(message.reason, message.path, message.message));
      else if (message.say === "opened") {
        const { epoch, rules, runs, nextSeq } = message;
        const { incomplete } = loading;
        if (incomplete !== undefined) fail(damaged(path, `publications of ${incomplete} are missing`));
        else resolve({ worker, epoch, rules, runs, nextSeq, loading });
      }
    };
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
      try {
        hear(data);
      } catch (thrown) {
        // A row that is none of ours.
        fail(damaged(path, writeFailure(thrown), thrown));
      }
    };
    worker.postMessage({ say: "open", path } satisfies ToWorker);
  });
}
