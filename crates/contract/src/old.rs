//! Tools as clients of the older dialect know them: `mcp.NAME.METHOD`, with parameters by position.

/// How a tool is called in the older dialect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldMethod {
    /// Its name there, such as `mcp.weather.today`; unique in the catalog.
    pub name: Box<str>,
    /// How its parameters become the tool's arguments.
    pub params: OldParams,
    /// Whether the tool's structured result has what the method gives as its member `result`; else the structured
    /// result is what the method gives. Where a call fails, the structured result has the JSON-RPC error as its
    /// member `error`, if there was one; where that would have to fit an output schema, it is in [`OldMethod::FAILED`].
    pub wrapped: bool,
}

impl OldMethod {
    /// Where the `_meta` of a call that failed has `error`, the JSON-RPC error, or `result`, what the method gave that
    /// does not fit the tool's output schema: clients of the older dialect, who were promised none, get it as it is.
    pub const FAILED: &str = "drawbridge/failed";
}

/// How the parameters of a method become a tool's arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OldParams {
    /// Each by its position: the first is the argument of the first name, and so on. An object has them by name.
    Positions(Box<[Box<str>]>),
    /// The only parameter, an object, is the arguments, or the parameters themselves are, by name.
    Object,
    /// All of them together, as a list, are the one argument of this name.
    Whole(Box<str>),
}
