//! Every method, in one table: its parameters by position, the tools behind it, and what is made of their answers.

use drawbridge_contract::{BoxFuture, RawValue, View};
use serde_json::{Map, Value, json};

use crate::door::Door;
use crate::error::{FILES, NO_BASE, OldError};
use crate::params::{self, Kind, Param, needed, optional};
use crate::{files, greetings, licence};

/// One method.
pub(crate) struct Method {
    pub(crate) name: &'static str,
    /// For people.
    pub(crate) says: &'static str,
    pub(crate) params: &'static [Param],
    pub(crate) serve: Serve,
}

/// Several calls, and what comes of them.
type Several = fn(&Door, Map<String, Value>) -> BoxFuture<'_, Result<Value, OldError>>;

/// How a method is served.
pub(crate) enum Serve {
    /// By one call of a tool.
    Tool(Tool),
    /// By several calls of these tools.
    Tools(&'static [&'static str], Several),
    /// From what is known of the caller, without a call.
    Known(fn(&Door) -> Value),
    /// By a language model: see `chat.rs`.
    Chat,
    /// By a server that is not there.
    Missing {
        server: &'static str,
        /// What there is instead, for whoever asked.
        instead: &'static str,
    },
}

/// One call of a tool.
pub(crate) struct Tool {
    pub(crate) name: &'static str,
    /// The tool's arguments, and where each comes from.
    pub(crate) arguments: &'static [(&'static str, From)],
    /// Where the codes of its failures begin.
    pub(crate) base: i32,
    /// What the method gives, of the parameters and the tool's data.
    pub(crate) result: fn(&Map<String, Value>, &Value) -> Value,
}

/// Where an argument comes from.
pub(crate) enum From {
    /// The parameter of this name, if there.
    Param(&'static str),
    /// The parameter of this name, a path that begins with `/`.
    Path(&'static str),
    /// Always true.
    Yes,
}

/// The tool that answers for language models.
pub(crate) const LLM_CHAT: &str = "llm_chat";

const PATH: Param = needed("path", Kind::Text);
const READ: &[Param] = &[PATH, optional("encoding", Kind::Text)];
const WRITE: &[Param] =
    &[PATH, needed("content", Kind::Text), optional("encoding", Kind::Text), optional("append", Kind::Flag)];
const LIST_TOOLS: &[&str] = &["files_list"];
const READ_TOOLS: &[&str] = &["files_read"];

const fn known(name: &'static str, says: &'static str, serve: fn(&Door) -> Value) -> Method {
    Method { name, says, params: &[], serve: Serve::Known(serve) }
}

const fn missing(name: &'static str, server: &'static str) -> Method {
    Method { name, says: "", params: &[], serve: Serve::Missing { server, instead: "" } }
}

const fn tool(name: &'static str, says: &'static str, params: &'static [Param], tool: Tool) -> Method {
    Method { name, says, params, serve: Serve::Tool(tool) }
}

/// All methods, by name.
pub(crate) static METHODS: &[Method] = &[
    missing("mcp.agent.getWorkflowStatus", "agent"),
    missing("mcp.agent.listWorkflows", "agent"),
    missing("mcp.agent.runWorkflow", "agent"),
    missing("mcp.agent.stopWorkflow", "agent"),
    Method {
        name: "mcp.file.list",
        says: "Lists a folder.",
        params: &[PATH],
        serve: Serve::Tools(LIST_TOOLS, files::list),
    },
    Method {
        name: "mcp.file.read",
        says: "Reads a file, as text or base64.",
        params: READ,
        serve: Serve::Tools(READ_TOOLS, files::read),
    },
    tool(
        "mcp.file.write",
        "Writes a file, and the folders above it.",
        WRITE,
        Tool {
            name: "files_write",
            arguments: &[
                ("path", From::Path("path")),
                ("content", From::Param("content")),
                ("encoding", From::Param("encoding")),
                ("append", From::Param("append")),
                ("make_parents", From::Yes),
            ],
            base: FILES,
            result: files::written,
        },
    ),
    tool(
        "mcp.fs.delete",
        "Moves a file or folder to the trash.",
        &[PATH, optional("recursive", Kind::Flag)],
        Tool {
            name: "files_delete",
            arguments: &[("path", From::Path("path")), ("recursive", From::Param("recursive"))],
            base: FILES,
            result: files::done,
        },
    ),
    // It filled an index of vectors on disk, and told how many are in it.
    Method {
        name: "mcp.fs.embed",
        says: "",
        params: &[],
        serve: Serve::Missing {
            server: "index",
            instead: "; mcp.fs.search finds words in the files as they are, without an index, and the tool llm_embed makes \
                      texts into vectors",
        },
    },
    Method {
        name: "mcp.fs.list",
        says: "Lists a folder.",
        params: &[PATH],
        serve: Serve::Tools(LIST_TOOLS, files::list),
    },
    Method {
        name: "mcp.fs.read",
        says: "Reads a file, as text or base64.",
        params: READ,
        serve: Serve::Tools(READ_TOOLS, files::read),
    },
    Method {
        name: "mcp.fs.read_docx_paragraphs",
        says: "Gives the paragraphs of a Word document.",
        params: &[PATH],
        serve: Serve::Tools(&["files_docx_read"], files::paragraphs),
    },
    Method {
        name: "mcp.fs.search",
        says: "Finds text files by the words in them, those with most of them first.",
        params: &[needed("query", Kind::Text), optional("top_k", Kind::Whole), optional("scope", Kind::Text)],
        serve: Serve::Tools(&["files_search", "files_read"], files::search),
    },
    tool(
        "mcp.fs.update_docx_paragraphs",
        "Exchanges the texts of paragraphs of a Word document: [{index, new_text}].",
        &[PATH, needed("paragraphs", Kind::List)],
        Tool {
            name: "files_docx_edit",
            arguments: &[("path", From::Path("path")), ("paragraphs", From::Param("paragraphs"))],
            base: FILES,
            result: files::done,
        },
    ),
    tool(
        "mcp.fs.write",
        "Writes a file.",
        WRITE,
        Tool {
            name: "files_write",
            arguments: &[
                ("path", From::Path("path")),
                ("content", From::Param("content")),
                ("encoding", From::Param("encoding")),
                ("append", From::Param("append")),
            ],
            base: FILES,
            result: files::written,
        },
    ),
    known("mcp.hello", "The names of the methods that this caller may call.", greetings::hello),
    tool(
        "mcp.kv.get",
        "The value under a key; null where there is none.",
        &[needed("key", Kind::Text)],
        Tool {
            name: "kv_get",
            arguments: &[("key", From::Param("key"))],
            base: NO_BASE,
            result: |_, data| json!({"key": data["key"], "value": data["value"]}),
        },
    ),
    tool(
        "mcp.kv.incrby",
        "Adds to the whole number under a key, and gives what comes of it.",
        &[needed("key", Kind::Text), optional("amount", Kind::Whole)],
        Tool {
            name: "kv_increment",
            arguments: &[("key", From::Param("key")), ("by", From::Param("amount"))],
            base: NO_BASE,
            result: |_, data| json!({"key": data["key"], "value": data["value"]}),
        },
    ),
    tool(
        "mcp.kv.set",
        "Puts a value under a key, for so many seconds or for good.",
        &[needed("key", Kind::Text), needed("value", Kind::Any), optional("ttl", Kind::Whole)],
        Tool {
            name: "kv_set",
            arguments: &[
                ("key", From::Param("key")),
                ("value", From::Param("value")),
                ("ttl_seconds", From::Param("ttl")),
            ],
            base: NO_BASE,
            result: |_, data| json!({"key": data["key"], "status": "success"}),
        },
    ),
    Method {
        name: "mcp.licence.check",
        says: "What this caller's tier allows, and what is left of it.",
        params: &[],
        serve: Serve::Tools(&[], licence::check),
    },
    known("mcp.listCapabilities", "The services, and the methods of each.", greetings::capabilities),
    Method {
        name: "mcp.llm.chat",
        says: "Asks a language model: [messages, options] or [{messages, options}].",
        params: &[needed("messages", Kind::Any), optional("options", Kind::Any)],
        serve: Serve::Chat,
    },
    missing("mcp.mail.getMessage", "mail"),
    missing("mcp.mail.listAccounts", "mail"),
    missing("mcp.mail.listFolders", "mail"),
    missing("mcp.mail.listMessages", "mail"),
    missing("mcp.mail.parseIcalendar", "mail"),
    missing("mcp.mail.send_email", "mail"),
    missing("mcp.sync.getJobStatus", "sync"),
    missing("mcp.sync.listJobs", "sync"),
    missing("mcp.sync.listRemotes", "sync"),
    missing("mcp.sync.runJob", "sync"),
    missing("mcp.sync.stopJob", "sync"),
];

/// Each method with each tool behind it: for tiers, which may name tools by the methods that they serve.
pub fn method_tools() -> Vec<(&'static str, &'static str)> {
    METHODS.iter().flat_map(|method| method.tools().into_iter().map(|tool| (method.name, tool))).collect()
}

/// The method of this name.
pub(crate) fn find(name: &str) -> Option<&'static Method> {
    METHODS.binary_search_by(|method| method.name.cmp(name)).ok().map(|at| &METHODS[at])
}

impl Method {
    /// Its service: the second part of its name; the gateway's own have none.
    pub(crate) fn service(&self) -> &'static str {
        match self.name.split('.').nth(1) {
            Some(service) if self.name.matches('.').count() == 2 => service,
            _ => "gateway",
        }
    }

    fn tools(&self) -> Vec<&'static str> {
        match &self.serve {
            Serve::Tool(tool) => vec![tool.name],
            Serve::Tools(tools, _) => tools.to_vec(),
            Serve::Chat => vec![LLM_CHAT],
            Serve::Known(_) | Serve::Missing { .. } => Vec::new(),
        }
    }

    /// Whether a caller with this view may call it.
    pub(crate) fn is_for(&self, view: &View) -> bool {
        let sees = |name: &str| view.tools.binary_search_by(|tool| (*tool.spec().name).cmp(name)).is_ok();
        match &self.serve {
            Serve::Known(_) => true,
            Serve::Tool(tool) => sees(tool.name),
            Serve::Tools(tools, _) => tools.iter().all(|tool| sees(tool)),
            Serve::Chat => sees(LLM_CHAT),
            Serve::Missing { .. } => false,
        }
    }

    /// Runs it, where it gives one answer.
    pub(crate) async fn run(&self, door: &Door, params: Option<&RawValue>) -> Result<Value, OldError> {
        if let Serve::Missing { server, instead } = self.serve {
            let error = OldError::no_server(self.name, server);
            return Err(OldError { message: error.message + instead, ..error });
        }
        let params = params::read(self.params, params)?;
        if !self.is_for(&door.view()) {
            return Err(OldError::no_server(self.name, self.service()));
        }
        match &self.serve {
            Serve::Known(serve) => Ok(serve(door)),
            Serve::Tool(tool) => tool.call(door, params).await,
            Serve::Tools(_, serve) => serve(door, params).await,
            Serve::Chat | Serve::Missing { .. } => Err(OldError::internal("this method is served elsewhere")),
        }
    }
}

impl Tool {
    async fn call(&self, door: &Door, params: Map<String, Value>) -> Result<Value, OldError> {
        let arguments =
            self.arguments.iter().filter_map(|(name, from)| Some(((*name).to_owned(), from.take(&params)?)));
        let found = door.call(self.base, self.name, arguments.collect()).await?;
        Ok((self.result)(&params, &found.data))
    }
}

impl From {
    fn take(&self, params: &Map<String, Value>) -> Option<Value> {
        match self {
            Self::Param(name) => params.get(*name).cloned(),
            Self::Path(name) => {
                params.get(*name).and_then(Value::as_str).map(|path| files::real(path).into())
            }
            Self::Yes => Some(true.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_every_method_is_found() {
        assert!(METHODS.is_sorted_by(|one, next| one.name < next.name));
        for method in METHODS {
            assert!(find(method.name).is_some_and(|found| std::ptr::eq(found, method)), "{}", method.name);
        }
        assert!(find("mcp.fs").is_none() && find("mcp.fs.list2").is_none());
    }

    #[test]
    fn what_is_needed_stands_before_what_is_not() {
        for method in METHODS {
            assert!(method.params.is_sorted_by_key(|param| !param.needed), "{}", method.name);
        }
    }
}
