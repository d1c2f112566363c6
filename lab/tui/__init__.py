"""The Textual screen: messages in, messages out; nothing here loads weights or writes the record itself."""
