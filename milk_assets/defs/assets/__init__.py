"""One module a stage. An asset reads upstream, calls one plain function, gives back value and metadata."""
