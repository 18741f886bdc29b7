//! An invoice as one page of PDF. The font is embedded, so that it looks and reads the same
//! everywhere; a name that the font cannot write is shown by its serial instead.

use domain::invoice::Line;
use domain::money::Money;
use domain::rental::{Phase, Terms};
use pdf_writer::types::{CidFontType, FontFlags, SystemInfo, UnicodeCmap};
use pdf_writer::{Content, Finish, Name, Pdf, Rect, Ref, Str};
use ttf_parser::{Face, GlyphId};

use crate::store::invoices::Document;
use crate::store::views::rentals::{RentalView, StationName};

/// The Latin letters of a font that is free to embed and to share.
const FONT: &[u8] = include_bytes!("DejaVuSans-latin.ttf");
const FONT_NAME: Name = Name(b"DejaVuSans-latin");
const SYSTEM: SystemInfo =
    SystemInfo { registry: Str(b"Adobe"), ordering: Str(b"Identity"), supplement: 0 };

/// A5, in points.
const WIDTH: i16 = 420;
const HEIGHT: i16 = 595;
const MARGIN: i16 = 36;
/// Between two lines.
const LEADING: i16 = 15;
const TEXT: i16 = 9;
const HEAD: i16 = 14;

const CATALOG: Ref = Ref::new(1);
const PAGES: Ref = Ref::new(2);
const PAGE: Ref = Ref::new(3);
const CONTENT: Ref = Ref::new(4);
const FONT_REF: Ref = Ref::new(5);
const CID_FONT: Ref = Ref::new(6);
const DESCRIPTOR: Ref = Ref::new(7);
const CMAP: Ref = Ref::new(8);
const FILE: Ref = Ref::new(9);
const INFO: Ref = Ref::new(10);

/// The page of an invoice; `print` counts from 1.
pub fn page(invoice: &Document, view: &RentalView, print: u32) -> Result<Vec<u8>, String> {
    let face = Face::parse(FONT, 0).map_err(|error| error.to_string())?;
    let mut sheet = Sheet { face: &face, content: Content::new(), y: HEIGHT - MARGIN };
    sheet.head(invoice, print);
    sheet.rental(view);
    sheet.lines(&invoice.lines);
    sheet.sums(invoice, view);
    let content = sheet.content.finish();
    let mut pdf = Pdf::new();
    pdf.catalog(CATALOG).pages(PAGES);
    pdf.pages(PAGES).kids([PAGE]).count(1);
    let mut page = pdf.page(PAGE);
    page.media_box(Rect::new(0.0, 0.0, WIDTH.into(), HEIGHT.into()));
    page.parent(PAGES).contents(CONTENT);
    page.resources().fonts().pair(Name(b"F"), FONT_REF);
    page.finish();
    pdf.stream(CONTENT, &content);
    font(&mut pdf, &face);
    let title = invoice.number.as_str();
    pdf.document_info(INFO).title(pdf_writer::TextStr(title));
    Ok(pdf.finish())
}

/// What is written, from the top down.
struct Sheet<'a> {
    face: &'a Face<'a>,
    content: Content,
    y: i16,
}

impl Sheet<'_> {
    fn head(&mut self, invoice: &Document, print: u32) {
        let seller = &invoice.seller;
        self.left(&seller.name, HEAD);
        self.down(LEADING + 3);
        self.row(&seller.address, "");
        if !seller.pan.is_empty() {
            self.row(&format!("PAN {}", seller.pan), "");
        }
        self.down(LEADING);
        let title = if invoice.seller.pan.is_empty() { "Receipt" } else { "Tax invoice" };
        self.left(title, HEAD);
        if print > 1 {
            self.right(&format!("Copy of Original ({})", print - 1), TEXT);
        }
        self.down(LEADING + 3);
        self.row("Number", &invoice.number);
        self.row("Date (Bikram Sambat)", &invoice.issued_on);
        let at = invoice.issued_at + domain::calendar::AHEAD;
        self.row("Issued", &at.format("%Y-%m-%d %H:%M:%S, Nepal").to_string());
    }

    fn rental(&mut self, view: &RentalView) {
        let rental = &view.rental;
        let time = |at: chrono::DateTime<chrono::Utc>| {
            (at + domain::calendar::AHEAD).format("%Y-%m-%d %H:%M").to_string()
        };
        self.down(LEADING);
        self.row("Rental", &rental.code);
        let from = self.name(&view.station);
        if let Some(since) = rental.since() {
            self.row("Taken", &format!("{}, {from}", time(since)));
        }
        if let Phase::Completed { ended, .. } = &rental.phase {
            let back = view.returned_to.as_ref().map(|station| self.name(station));
            self.row("Returned", &format!("{}, {}", time(ended.at), back.unwrap_or_default()));
            if ended.at < ended.learnt_at {
                let interval = format!("{} to {}", time(ended.at), time(ended.learnt_at));
                self.row("Returned between, billed to the first", &interval);
            }
        }
    }

    fn lines(&mut self, lines: &[Line]) {
        self.down(LEADING);
        self.rule();
        for line in lines {
            let minutes = line.minutes.map(|m| format!(", {m} minutes")).unwrap_or_default();
            self.row(&format!("{}{minutes}", line.label), &rupees(line.amount));
        }
        self.rule();
    }

    fn sums(&mut self, invoice: &Document, view: &RentalView) {
        self.row("Taxable amount", &rupees(invoice.taxable));
        let percent = Terms::default().vat_percent;
        self.row(&format!("VAT {percent} %"), &rupees(invoice.vat));
        self.row("Total", &rupees(invoice.amount));
        self.rule();
        self.row("Paid", &rupees(view.rental.paid));
        self.row("To be paid", &rupees(view.rental.owed));
    }

    /// A name that the font can write, else the serial on the cabinet.
    fn name(&self, station: &StationName) -> String {
        let known = station.name.chars().all(|c| self.face.glyph_index(c).is_some());
        if known { station.name.clone() } else { station.serial.clone() }
    }

    fn row(&mut self, left: &str, right: &str) {
        self.left(left, TEXT);
        self.right(right, TEXT);
        self.down(LEADING);
    }

    fn rule(&mut self) {
        let y = self.y + LEADING / 2 + 2;
        self.content.move_to(MARGIN.into(), y.into());
        self.content.line_to((WIDTH - MARGIN).into(), y.into()).stroke();
        self.down(4);
    }

    fn down(&mut self, by: i16) {
        self.y -= by;
    }

    fn left(&mut self, text: &str, size: i16) {
        self.show(text, size, MARGIN);
    }

    fn right(&mut self, text: &str, size: i16) {
        let x = WIDTH - MARGIN - self.width(text, size);
        self.show(text, size, x);
    }

    fn show(&mut self, text: &str, size: i16, x: i16) {
        let glyphs = text.chars().flat_map(|c| self.glyph(c).0.to_be_bytes());
        let glyphs: Vec<u8> = glyphs.collect();
        self.content.begin_text().set_font(Name(b"F"), size.into());
        self.content.next_line(x.into(), self.y.into()).show(Str(&glyphs)).end_text();
    }

    /// Of a letter that the font does not have, the empty box.
    fn glyph(&self, c: char) -> GlyphId {
        self.face.glyph_index(c).or_else(|| self.face.glyph_index('□')).unwrap_or_default()
    }

    fn width(&self, text: &str, size: i16) -> i16 {
        let units = |c| i64::from(self.face.glyph_hor_advance(self.glyph(c)).unwrap_or_default());
        let total: i64 = text.chars().map(units).sum();
        let points = total * i64::from(size) / i64::from(self.face.units_per_em().max(1));
        i16::try_from(points).unwrap_or(WIDTH).min(WIDTH - 2 * MARGIN)
    }
}

fn rupees(amount: Money) -> String {
    format!("Rs {amount}")
}

/// The font with its widths, and which letter each glyph is, so that text can be copied.
fn font(pdf: &mut Pdf, face: &Face) {
    pdf.type0_font(FONT_REF)
        .base_font(FONT_NAME)
        .encoding_predefined(Name(b"Identity-H"))
        .descendant_font(CID_FONT)
        .to_unicode(CMAP);
    let em = i64::from(face.units_per_em().max(1));
    let thousandths =
        |units: i64| -> f32 { i16::try_from(units * 1_000 / em).unwrap_or(i16::MAX).into() };
    let glyphs = (0..face.number_of_glyphs()).map(GlyphId);
    let widths =
        glyphs.map(|glyph| thousandths(face.glyph_hor_advance(glyph).map_or(0, i64::from)));
    let mut cid = pdf.cid_font(CID_FONT);
    cid.subtype(CidFontType::Type2).base_font(FONT_NAME).system_info(SYSTEM);
    cid.font_descriptor(DESCRIPTOR).default_width(0.0);
    cid.cid_to_gid_map_predefined(Name(b"Identity"));
    cid.widths().consecutive(0, widths);
    cid.finish();
    let of = |units: i16| thousandths(units.into());
    let bounds = face.global_bounding_box();
    let bounds = Rect::new(of(bounds.x_min), of(bounds.y_min), of(bounds.x_max), of(bounds.y_max));
    pdf.font_descriptor(DESCRIPTOR)
        .name(FONT_NAME)
        .flags(FontFlags::NON_SYMBOLIC)
        .bbox(bounds)
        .italic_angle(0.0)
        .ascent(of(face.ascender()))
        .descent(of(face.descender()))
        .cap_height(of(face.capital_height().unwrap_or_default()))
        .stem_v(80.0)
        .font_file2(FILE);
    let mut cmap = UnicodeCmap::<u16>::new(FONT_NAME, SYSTEM);
    for c in (' '..='\u{25a1}').filter(|c| !c.is_control()) {
        if let Some(glyph) = face.glyph_index(c) {
            cmap.pair(glyph.0, c);
        }
    }
    pdf.cmap(CMAP, &cmap.finish());
    pdf.stream(FILE, FONT);
}
