-- Reads the pieces of a notebook, one a line of JSON, as one document for pandoc.
-- Markdown is Jupyter's: CommonMark with tables and formulas, each cell by itself.

local MARKDOWN = "commonmark+smart+tex_math_dollars+pipe_tables+strikeout+task_lists+autolink_bare_uris"
local HTML = "html+raw_html+tex_math_single_backslash"

-- what a reader's HTML shows: pictures, tables, links; a frame or a film becomes a link
local function from_html(text)
  local function address(raw)
    local source = raw.text:match('^<%a[^>]-src%s*=%s*["\']([^"\']+)')
    return source and not raw.text:match("^<script") and pandoc.Link(source, source)
  end
  return pandoc.read(text, HTML).blocks:walk({
    RawBlock = function(raw)
      local link = address(raw)
      return link and pandoc.Plain({ link }) or {}
    end,
    RawInline = function(raw) return address(raw) or {} end,
  })
end

-- an environment of TeX without dollars is a formula in Jupyter, too
local function with_dollars(text)
  local lines = pandoc.List()
  local fenced, open = false, nil -- what a formula that is open ends with
  for line in (text .. "\n"):gmatch("(.-)\n") do
    local environment = line:match("^\\begin{(%a+%*?)}")
    local last = environment and "\\end{" .. environment .. "}"
    if not open and (line:match("^%s*```") or line:match("^%s*~~~")) then fenced = not fenced end
    if not open and not fenced and last and text:find(last, 1, true) then
      open = last
      line = "$$" .. line
    elseif not fenced and (not open or open == "$$") then
      local _, count = line:gsub("%$%$", "")
      if count % 2 == 1 then open = not open and "$$" or nil end
    end
    local start, stop = line:find(open or "\n", 1, true)
    if start and open ~= "$$" then
      line = line:sub(1, stop) .. "$$" .. line:sub(stop + 1)
      open = nil
    end
    lines:insert(line)
  end
  return table.concat(lines, "\n") .. "\n"
end

local function from_markdown(text)
  local blocks = pandoc.read(with_dollars(text), MARKDOWN).blocks
  return blocks:walk({
    RawBlock = function(raw) return from_html(raw.text) end,
    Inlines = function(inlines)
      if not inlines:find_if(function(i) return i.t == "RawInline" end) then return end
      local plain = pandoc.Pandoc({ pandoc.Plain(inlines) })
      local html = pandoc.write(plain, "html", { html_math_method = "mathjax", wrap_text = "none" })
      return pandoc.utils.blocks_to_inlines(from_html(html))
    end,
  })
end

local function decoded(address)
  return (address:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

local function attached(blocks, attachments)
  return blocks:walk({
    Image = function(image)
      local found = attachments[decoded(image.src):match("^attachment:(.*)$") or ""]
      for mime, content in pairs(found or {}) do
        image.src = "data:" .. mime .. ";base64," .. content
        return image
      end
    end,
  })
end

local function figure(image, caption, about)
  local below = caption and { pandoc.Div(from_markdown(caption), { class = "caption" }) } or {}
  return pandoc.Div({ pandoc.Plain({ image }), table.unpack(below) }, about)
end

local READ = {}
function READ.text(piece, about)
  local blocks = attached(from_markdown(piece.text), piece.attachments or {})
  if not piece.caption then return pandoc.Div(blocks, about) end
  about.class = "picture"
  return figure(blocks[1].content[1], piece.caption, about)
end
function READ.picture(piece, about)
  local image = pandoc.Image(piece.alt, piece.src)
  local is_cover = pandoc.List(piece.tags):includes("cover")
  image.attributes = { drawing = piece.drawing, cover = is_cover and piece.alt or nil }
  return figure(image, piece.caption, about)
end
function READ.html(piece, about)
  about.class = "text"
  return pandoc.Div(from_html(piece.text), about)
end
function READ.code(piece, about)
  about.name, about.taught = piece.name, tostring(piece.taught)
  return pandoc.Div({ pandoc.CodeBlock(piece.text, { class = "python" }) }, about)
end
READ.source = READ.code
function READ.plain(piece, about)
  return pandoc.Div({ pandoc.CodeBlock(piece.text, { class = "plain" }) }, about)
end
-- of slides: words as large as there is room for, and smaller ones above them
function READ.words(piece, about)
  local parts = { piece.heading, piece.small, piece.large }
  return pandoc.Div(pandoc.List(parts):map(function(p) return pandoc.Div(from_markdown(p)) end), about)
end
function READ.large(piece, about)
  local heading = pandoc.Div(from_markdown(piece.heading))
  return pandoc.Div({ heading, READ.picture(piece, about) }, { class = "large" })
end
function READ.room(_, about) return pandoc.Div({}, about) end

-- names: an anchor belongs to the heading below it; a heading without one gets its own

local function label(text)
  return (decoded(text):gsub("%s+", "-"):gsub("[^%w%.%-_\128-\255]", ""))
end

local function is_anchor(block)
  local only = block and block.content and #block.content == 1 and block.content[1]
  return only and only.t == "Span" and #only.content == 0 and only.identifier ~= "" and only
end

local function name_headings(blocks)
  local taken = {}
  local function free(name)
    local found, count = name, 1
    while taken[found] do count = count + 1; found = name .. "-" .. count end
    taken[found] = true
    return found
  end
  local function in_row(row)
    for i = #row, 2, -1 do
      local anchor = row[i].t == "Header" and is_anchor(row[i - 1])
      if anchor then
        row[i].identifier = anchor.identifier
        row:remove(i - 1)
      end
    end
    return row
  end
  return blocks:walk({ Blocks = in_row }):walk({
    Header = function(header)
      header.identifier = free(header.identifier ~= "" and header.identifier
        or label(pandoc.utils.stringify(header)))
      return header
    end,
    Span = function(span)
      if span.identifier ~= "" then span.identifier = free(label(span.identifier)) end
      return span
    end,
  }), taken
end

-- references: [Name year] and Name [year] lead to the list of sources

local function key(authors, year)
  local first = authors:gsub(",.*", ""):gsub(" et al%..*", ""):gsub(" and .*", ""):gsub(" & .*", "")
  return first:match("(%S+)$") .. "-" .. year
end

local function name_sources(blocks)
  local sources = {}
  local named = blocks:walk({
    BulletList = function(list)
      for _, item in ipairs(list.content) do
        local authors, year = pandoc.utils.stringify(item[1]):match("^([^(\n]+) %((%d%d%d%d)%)%.")
        if authors then
          local name = key(authors, year)
          sources[name] = true
          item[1].content[1] = pandoc.Span({ item[1].content[1] }, { id = name })
        end
      end
      return list
    end,
  })
  return named, sources
end

local function cited(sources, before, inside)
  local author = before:match("([A-Z][%w%-]+) et al%. $") or before:match("([A-Z][%w%-]+) & [A-Z][%w%-]+ $")
    or before:match("([A-Z][%w%-]+) $")
  if inside:match("^%d%d%d%d$") then
    local name = author and author .. "-" .. inside
    return sources[name] and { pandoc.Link(inside, "#" .. name) }
  end
  local links = pandoc.Inlines({})
  for part in (inside:gsub("(%d%d%d%d), ", "%1\n") .. "\n"):gmatch("(.-)\n") do
    local authors, year = part:match("^([A-Z].*) (%d%d%d%d)$")
    local name = authors and key(authors, year)
    if not sources[name] then return nil end
    if #links > 0 then links:insert(pandoc.Str(", ")) end
    links:insert(pandoc.Link(part, "#" .. name))
  end
  return links
end

-- no line ends before a unit, or within 3 x 3, an interval and a range
local function unbroken(text)
  text = text:gsub(" × ", "\u{a0}×\u{a0}"):gsub(" %%", "\u{a0}%%"):gsub(" dB%f[%W]", "\u{a0}dB")
  text = text:gsub("(%[[%d.,−]+,) ([%d.,−]+%])", "%1\u{a0}%2")
  return (text:gsub("(%d) to ([%d−])", "%1\u{a0}to\u{a0}%2"))
end

local function with_citations(text, sources)
  local found, at = pandoc.Inlines({}), 1
  text = unbroken(text)
  for start, inside, stop in text:gmatch("()%[([^%[%]]*%d%d%d%d)%]()") do
    local links = cited(sources, text:sub(1, start - 1), inside)
    if links then
      found:extend(pandoc.Inlines(text:sub(at, start)))
      found:extend(links)
      at = stop - 1
    end
  end
  found:extend(pandoc.Inlines(text:sub(at)))
  return found
end

local WORDS = { Str = true, Space = true, SoftBreak = true }

local function link(blocks, names, sources)
  local function in_text(inlines)
    local found, run = pandoc.Inlines({}), ""
    local function close()
      if run ~= "" then found:extend(with_citations(run, sources)) end
      run = ""
    end
    for _, inline in ipairs(inlines) do
      if WORDS[inline.t] then
        run = run .. (inline.text or " ")
      else
        close()
        found:insert(inline)
      end
    end
    close()
    return found
  end
  local function lead(found)
    local name = found.target:match("^#(.*)$")
    if name and names[label(name)] then
      found.target = "#" .. label(name)
    elseif name and not sources[name] then
      return pandoc.Span(found.content), false -- it leads nowhere
    end
    return found, false
  end
  local function leave(element) return element, false end
  return blocks:walk({ traverse = "topdown", Inlines = in_text, Link = lead, Header = leave, Image = leave })
end

function Reader(input)
  local blocks = pandoc.Blocks({})
  for line in tostring(input):gmatch("[^\n]+") do
    local piece = pandoc.json.decode(line, false)
    local about = { class = piece.kind, cell = piece.cell }
    local read, found = pcall(READ[piece.kind], piece, about)
    if not read then error((piece.cell or "a piece") .. ": " .. tostring(found), 0) end
    blocks:insert(found)
  end
  local named, names = name_headings(blocks)
  local with_sources, sources = name_sources(named)
  return pandoc.Pandoc(link(with_sources, names, sources))
end
